//! The values of a template's variables, as a pure function of what its source declares and what its author gave.

use groundhog_wire::v1;

/// The value of each declared variable, in the order of the declarations: the author's, else the default. A name that
/// is not declared is passed over.
pub fn values(declared: &[v1::TemplateVariable], given: &[v1::VariableValue]) -> Vec<v1::VariableValue> {
    let value = |variable: &v1::TemplateVariable| v1::VariableValue {
        name: variable.name.clone(),
        value: chosen(variable, given).to_owned(),
        sensitive: variable.sensitive,
    };
    declared.iter().map(value).collect()
}

/// The names of the variables that somebody has to set and nobody has, in the order of the declarations.
pub fn missing<'a>(declared: &'a [v1::TemplateVariable], given: &[v1::VariableValue]) -> Vec<&'a str> {
    let missing = declared.iter().filter(|variable| variable.required && chosen(variable, given).is_empty());
    missing.map(|variable| variable.name.as_str()).collect()
}

fn chosen<'a>(variable: &'a v1::TemplateVariable, given: &'a [v1::VariableValue]) -> &'a str {
    // What is required has no default, whatever else the declaration says.
    let default = if variable.required { "" } else { variable.default_value.as_str() };
    given.iter().find(|value| value.name == variable.name).map_or(default, |value| value.value.as_str())
}
