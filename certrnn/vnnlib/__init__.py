"""VNN-LIB: queries about networks, read, decided and answered with a witness."""
