//! The project's checks on itself, as ordinary tests: the direction of dependencies, what the README
//! promises, and the habits of files. They read the repository and nothing else.
