"""Lists of inputs that may be long: ten million files are planned, recorded and compared."""
