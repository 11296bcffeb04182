"""Certificates: files from which another program, :mod:`certrnn.certificates.checker`, proves certified rows again."""
