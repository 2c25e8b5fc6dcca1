"""Pure functions on `keras.ops`: no state, no Keras objects."""
