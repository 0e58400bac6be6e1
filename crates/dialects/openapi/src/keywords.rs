//! What each keyword of a schema may hold. What is not listed here does not come into a schema.

/// What a keyword holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A schema that is about a part of the value: an item, a member.
    Part,
    /// Schemas by name that are about parts of the value.
    Parts,
    /// A schema that is about the value itself.
    Same,
    /// Schemas by name that are about the value itself.
    Sames,
    /// A list of schemas that are about the value itself.
    SameList,
    /// A list of schemas that are about items.
    PartList,
    /// Names, each once.
    Names,
    /// Lists of names by name.
    NamesOf,
    /// One or more names of types.
    Type,
    /// A list of any values, not empty.
    Values,
    /// Any value.
    Any,
    /// A number.
    Number,
    /// A number above zero.
    Step,
    /// A whole number that is not negative.
    Count,
    /// Yes or no.
    Flag,
    /// A text.
    Text,
}

/// What `keyword` of JSON Schema 2020-12 holds; `None` for what schemas of tools have no use for.
pub(crate) fn shape(keyword: &str) -> Option<Shape> {
    Some(match keyword {
        "type" => Shape::Type,
        "properties" | "patternProperties" => Shape::Parts,
        "items"
        | "additionalProperties"
        | "contains"
        | "propertyNames"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Shape::Part,
        "prefixItems" => Shape::PartList,
        "allOf" | "anyOf" | "oneOf" => Shape::SameList,
        "not" | "if" | "then" | "else" => Shape::Same,
        "dependentSchemas" => Shape::Sames,
        "required" => Shape::Names,
        "dependentRequired" => Shape::NamesOf,
        "enum" => Shape::Values,
        "const" | "default" => Shape::Any,
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => Shape::Number,
        "multipleOf" => Shape::Step,
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" | "minContains"
        | "maxContains" => Shape::Count,
        "uniqueItems" | "deprecated" | "readOnly" | "writeOnly" => Shape::Flag,
        "title" | "description" | "format" | "pattern" | "contentMediaType" | "contentEncoding" => Shape::Text,
        "examples" => Shape::Values,
        _ => return None,
    })
}

/// The types that there are.
pub(crate) const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];
