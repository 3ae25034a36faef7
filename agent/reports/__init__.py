"""What a day was like, told to people."""
