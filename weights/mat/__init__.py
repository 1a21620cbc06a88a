"""MATLAB files of every version <-> plain values: arrays, texts, cells and structs."""
