"""The benchmark: reference models and hand-ins, trained or loaded, measured in the same way and set side by side."""
