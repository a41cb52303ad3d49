"""Networks in TensorFlow Lite's files, read as data and run by JAX: those that packages for faces carry."""
