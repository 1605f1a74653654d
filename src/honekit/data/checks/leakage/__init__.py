"""What stands in training and in validation or test too."""
