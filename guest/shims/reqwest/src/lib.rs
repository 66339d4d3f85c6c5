//! Nothing. The build script of the published componentize-py downloads nothing: what it needs lies in the package.
