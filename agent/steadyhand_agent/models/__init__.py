"""The models that a session can ask; each speaks the `Model` protocol of `ports`."""
