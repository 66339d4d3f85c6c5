//! One function.

use std::sync::Arc;

use exuvia_analysis::with_statements;
use exuvia_tool::{ToolAnnotations, ToolDescriptor};
use rustpython_parser::ast::{self, Arguments, Constant, Expr, Stmt};
use sha2::{Digest as _, Sha256};

use crate::annotation::Annotations;
use crate::docstring::Docstring;
use crate::error::FunctionError;
use crate::name::FunctionName;
use crate::{declared, signature};

/// The longest file, in bytes.
pub const MAX_SOURCE_BYTES: usize = 64 << 10;

/// A function as its file says it. Whether it may be called is not decided here.
#[derive(Debug, Clone)]
pub struct Function {
    name: FunctionName,
    source: Arc<str>,
    sha256: String,
    descriptor: Arc<ToolDescriptor>,
    tools: Option<Vec<String>>,
    is_async: bool,
}

/// The `def` of a file.
struct Definition<'a> {
    name: &'a str,
    arguments: &'a Arguments,
    returns: Option<&'a Expr>,
    body: &'a [Stmt],
    is_async: bool,
    line: u32,
}

impl Function {
    /// Reads a file: the one `def` in it that is not private, which has to be called as the function is.
    ///
    /// # Errors
    ///
    /// It is none: too large, not understood, without such a `def`, or with parameters that have no type.
    pub fn read(name: FunctionName, source: &str) -> Result<Self, FunctionError> {
        if source.len() > MAX_SOURCE_BYTES {
            return Err(FunctionError::new(format!("the file is larger than {MAX_SOURCE_BYTES} bytes")));
        }
        if source.contains('\0') {
            return Err(FunctionError::new("the file holds a NUL character"));
        }
        let tools = declared::patterns(source)?;
        let read = with_statements(source, |body, line| descriptor(&name, body, line));
        let (descriptor, is_async) =
            read.map_err(|line| FunctionError::at(line, "this is not understood as Python"))??;
        let sha256 = hex(&Sha256::digest(source));
        Ok(Self { name, source: source.into(), sha256, descriptor: Arc::new(descriptor), tools, is_async })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &FunctionName {
        &self.name
    }

    /// Its text, byte for byte.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The SHA-256 of its text, in lower-case hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What it is as a tool.
    #[must_use]
    pub fn descriptor(&self) -> &Arc<ToolDescriptor> {
        &self.descriptor
    }

    /// The tools that its file says it calls, as patterns of the form `SERVER.TOOL`. None: those that its text names.
    #[must_use]
    pub fn tools(&self) -> Option<&[String]> {
        self.tools.as_deref()
    }

    /// The script that calls it with these arguments, a JSON object. Its lines are those of the file.
    #[must_use]
    pub fn script(&self, arguments: &str) -> String {
        let literal = serde_json::Value::from(arguments).to_string();
        let (source, name) = (self.source.trim_start_matches('\u{feff}'), self.name.function());
        let (end, wait) = (if source.ends_with('\n') { "" } else { "\n" }, if self.is_async { "await " } else { "" });
        format!("{source}{end}result = {wait}{name}(**__import__(\"json\").loads({literal}))\n")
    }
}

fn descriptor(
    name: &FunctionName,
    body: &[Stmt],
    line: &dyn Fn(usize) -> u32,
) -> Result<(ToolDescriptor, bool), FunctionError> {
    let mut annotations = Annotations::of(body, line);
    let found = definition(body, &annotations)?;
    if found.name != name.function() {
        let message = format!("the file defines `{}`: call it `{}`, as the function is", found.name, name.function());
        return Err(FunctionError::at(found.line, message));
    }
    let Some(text) = docstring(found.body) else {
        return Err(FunctionError::at(found.line, "it has no docstring: say in one line what it does"));
    };
    let docstring = Docstring::read(text);
    let input_schema = signature::input_schema(found.arguments, &docstring, &mut annotations)?;
    let output_schema = found.returns.map(|returns| annotations.schema(returns)).transpose()?;
    let descriptor = ToolDescriptor {
        name: name.to_string(),
        title: None,
        description: Some(docstring.description).filter(|text| !text.is_empty()),
        input_schema,
        output_schema,
        annotations: ToolAnnotations::default(),
    };
    Ok((descriptor, found.is_async))
}

/// The one `def` that is not private.
fn definition<'a>(body: &'a [Stmt], annotations: &Annotations<'_>) -> Result<Definition<'a>, FunctionError> {
    let mut public = body.iter().filter_map(|statement| {
        let line = annotations.line_of(statement);
        match statement {
            Stmt::FunctionDef(ast::StmtFunctionDef { name, args, returns, body, .. }) => Some(Definition {
                name: name.as_str(),
                arguments: args,
                returns: returns.as_deref(),
                body,
                is_async: false,
                line,
            }),
            Stmt::AsyncFunctionDef(ast::StmtAsyncFunctionDef { name, args, returns, body, .. }) => Some(Definition {
                name: name.as_str(),
                arguments: args,
                returns: returns.as_deref(),
                body,
                is_async: true,
                line,
            }),
            _ => None,
        }
        .filter(|found| !found.name.starts_with('_'))
    });
    let first = public.next().ok_or_else(|| FunctionError::new("the file defines no function: write one `def`"))?;
    match public.next() {
        None => Ok(first),
        Some(second) => {
            let message = format!("`{}` is a second function: let the names of helpers begin with `_`", second.name);
            Err(FunctionError::at(second.line, message))
        }
    }
}

fn docstring(body: &[Stmt]) -> Option<&str> {
    let Stmt::Expr(ast::StmtExpr { value, .. }) = body.first()? else { return None };
    match &**value {
        Expr::Constant(ast::ExprConstant { value: Constant::Str(text), .. }) => Some(text),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
