"""What teaches little or the wrong thing: copies, refusals, remnants, and answers that do not follow from the input."""
