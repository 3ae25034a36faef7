"""What the agent answers: one short function a request."""
