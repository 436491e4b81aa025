//! Darkroom: an image-processing platform on its own durable workflow engine.

fn main() {}
