"""The same networks here, in captum and in zennit; needs torch, captum and zennit (see CONTRIBUTING.md)."""
