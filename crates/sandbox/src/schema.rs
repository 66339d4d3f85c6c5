//! Schemas of the application's own types.

use exuvia_tool::{ToolAnnotations, ToolDescriptor};
use schemars::JsonSchema;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The arguments of a tool that takes none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "schemars")]
#[schemars(description = "")]
pub struct NoArguments {}

/// What a tool that takes an `A` and gives an `R` says of itself.
pub(crate) fn described<A: JsonSchema, R: JsonSchema>() -> ToolDescriptor {
    let mut input_schema = root::<A>(SchemaSettings::draft2020_12().for_deserialize());
    let description = input_schema.as_object_mut().and_then(|schema| schema.remove("description"));
    let description = description.as_ref().and_then(Value::as_str).filter(|text| !text.is_empty());
    ToolDescriptor {
        name: String::new(),
        title: None,
        description: description.map(str::to_owned),
        output_schema: Some(root::<R>(SchemaSettings::draft2020_12().for_serialize())),
        input_schema,
        annotations: ToolAnnotations::default(),
    }
}

fn root<T: JsonSchema>(settings: SchemaSettings) -> Value {
    SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value()
}
