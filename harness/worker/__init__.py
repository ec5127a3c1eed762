"""What runs inside the box: it loads a group's model and does what the evaluator asks, frame by frame."""
