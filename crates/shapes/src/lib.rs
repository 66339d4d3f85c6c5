//! The shapes of answers: what a tool without an output schema has answered so far, as keys and types.
//!
//! Most tools declare nothing of what they answer, so that a script has to be run only to look. [`Shape::observe`] reads an answer
//! once, as text and without a tree, and keeps which keys it has and of which types they are; never a value. [`Shape`]'s `Display` is
//! what a stub shows: `{"total": int, "issues": [{"key": str, "due"?: str | None}]}`.
//!
//! A shape is advice. Nothing is validated against it, and it comes from servers that nobody vouches for: everything is bounded, and a
//! key that does not look like the name of a field, because it may be a value, makes its object a `dict[str, ...]`. So do like values
//! under all keys: `{"ann": {...}, "bob": {...}, ...}`.
//!
//! [`shipped`] has what the public documentation of well-known servers says of their answers, for those who import it, and for
//! servers that are [`recognized()`] by what they list.
//!
//! [`Shapes`] keeps those of many tools, and [`ShapeFile`] keeps these in a file.

mod bounds;
mod file;
mod literal;
mod map;
mod merge;
mod observe;
mod recognized;
mod render;
mod shape;
mod shapes;
mod shipped;

pub use file::{ShapeFile, ShapeFileError, read, to_json};
pub use recognized::{ListedTool, Recognized, recognized};
pub use shape::Shape;
pub use shapes::{Learned, Shapes, ToolKey};
pub use shipped::{shipped, shipped_names};
