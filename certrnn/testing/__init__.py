"""Testing of recurrent networks by coverage and guided search, after Guo et al. (RNN-Test)."""
