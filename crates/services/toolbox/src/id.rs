//! What an index calls a tool, whose id is unique in what a tenant sees alone.

/// What stands for everybody where a tenant would stand.
pub(crate) const EVERYBODY: &str = "*";

/// What the index calls a tool: no id holds a space.
pub(crate) fn index_id(tenant: Option<&str>, id: &str) -> String {
    format!("{} {id}", tenant.unwrap_or(EVERYBODY))
}

/// The tenant and the id behind what the index calls a tool.
pub(crate) fn of_index(index_id: &str) -> Option<(Option<&str>, &str)> {
    let (tenant, id) = index_id.split_once(' ')?;
    Some(((tenant != EVERYBODY).then_some(tenant), id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_index_id_leads_back(tenant in proptest::option::of("[a-z]{1,8}"), id in "[!-~]{1,20}") {
            let made = index_id(tenant.as_deref(), &id);
            prop_assert_eq!(of_index(&made), Some((tenant.as_deref(), id.as_str())));
        }
    }
}
