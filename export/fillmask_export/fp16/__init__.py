"""The fp16 variant: ``ranges`` finds how large tensors become, ``fp16`` chooses precisions, ``casts`` applies them."""
