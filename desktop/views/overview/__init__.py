"""The first look: how is it going, what needs me, what runs, how is the server."""
