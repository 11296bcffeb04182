"""The fixture script needs TensorFlow, which the tests do not."""

collect_ignore_glob = ["fixtures/*"]
