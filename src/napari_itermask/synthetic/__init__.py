"""What could be there: the sample patient, healthy brains, lesions."""
