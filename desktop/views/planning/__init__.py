"""What is asked about moments: to come, held back, past, or made up for."""
