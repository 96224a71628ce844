"""Maths of the algorithms: tensors in, tensors out."""
