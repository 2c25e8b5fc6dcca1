"""What the studies of CM-VQVAE on two modalities share."""
