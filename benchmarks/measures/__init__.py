"""What suites measure with: fresh processes, their memory, installed packages, ONNX Runtime's runs and products."""
