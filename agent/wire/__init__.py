"""The two doors to the network: who may come in, what was asked, what is shown."""
