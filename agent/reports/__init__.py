"""What a day was like, told to people who watch no screen."""
