"""What other schedulers' files say: text in, values out."""
