"""`nas retrain`: networks chosen on validation images, trained with several seeds, then scored on test images."""
