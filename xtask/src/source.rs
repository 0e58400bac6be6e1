//! What one Rust file holds, as far as rules care: its functions and which of its lines only tests need. Refuses to
//! know which file belongs to which crate.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, ImplItemFn, Item, ItemFn, Signature, TraitItemFn};

/// One `.rs` file.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Its path from the root.
    pub(crate) path: String,
    /// All its lines, blank ones and comments included.
    pub(crate) lines: usize,
    /// The lines of its `#[cfg(test)]` items.
    pub(crate) test_lines: usize,
    /// Its functions with a body, wherever they stand.
    pub(crate) functions: Vec<Function>,
    /// Paths, without `.rs`, of the modules it declares for tests only.
    pub(crate) test_modules: Vec<String>,
    /// Where and why it could not be parsed.
    pub(crate) unparsed: Option<(usize, String)>,
}

/// One function with a body.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name, without its type's.
    pub(crate) name: String,
    /// The line of its signature.
    pub(crate) line: usize,
    /// Lines from the signature to the closing brace.
    pub(crate) lines: usize,
}

impl Source {
    /// Reads what `text` holds.
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let mut source = Self { path: path.to_owned(), lines: text.lines().count(), ..Self::default() };
        match syn::parse_file(text) {
            Ok(file) => {
                let whole = file.attrs.iter().any(is_cfg_test);
                Reader { source: &mut source, in_test: whole }.visit_file(&file);
                if whole {
                    source.test_lines = source.lines;
                }
            }
            Err(error) => source.unparsed = Some((error.span().start().line, error.to_string())),
        }
        source
    }

    /// Where modules declared in this file live: beside it for a crate root or `mod.rs`, else in a folder of its name.
    fn modules_dir(&self) -> &str {
        let stem = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        match stem.rsplit_once('/') {
            Some((dir, "lib" | "main" | "mod")) => dir,
            _ => stem,
        }
    }
}

struct Reader<'a> {
    source: &'a mut Source,
    in_test: bool,
}

impl Reader<'_> {
    fn function(&mut self, signature: &Signature, body: &Block) {
        let (line, end) = (signature.span().start().line, body.span().end().line);
        let name = signature.ident.to_string();
        self.source.functions.push(Function { name, line, lines: end + 1 - line });
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if self.in_test || !attributes(item).iter().any(is_cfg_test) {
            return visit::visit_item(self, item);
        }
        let span = item.span();
        self.source.test_lines += span.end().line + 1 - span.start().line;
        if let Item::Mod(module) = item
            && module.content.is_none()
        {
            let path = format!("{}/{}", self.source.modules_dir(), module.ident);
            self.source.test_modules.push(path);
        }
        self.in_test = true;
        visit::visit_item(self, item);
        self.in_test = false;
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.function(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.function(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// `cfg(test)` or `cfg(all(test, …))`: never built into the product. `cfg(any(…))` and `cfg(not(…))` may be.
fn is_cfg_test(attribute: &Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let words: String = list.tokens.to_string().split_whitespace().collect();
    list.path.is_ident("cfg") && (words == "test" || words.starts_with("all(test,"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_wherever_they_stand() {
        let text = "fn a() {}\nimpl X {\n    pub fn b(\n    ) {\n    }\n}\ntrait T {\n    fn none();\n    fn c() {\n    }\n}\n";
        let source = Source::parse("src/lib.rs", text);
        let found: Vec<_> = source.functions.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(found, [("a", 1, 1), ("b", 3, 3), ("c", 9, 2)]);
    }

    #[test]
    fn lines_for_tests_are_told_apart() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    #[cfg(test)]\n    fn b() {}\n}\n#[cfg(not(test))]\nfn c() {}\n";
        let source = Source::parse("src/lib.rs", text);
        assert_eq!((source.lines, source.test_lines, source.functions.len()), (9, 5, 3));
        assert_eq!(Source::parse("src/x.rs", "#![cfg(test)]\nfn a() {}\n").test_lines, 2);
    }

    #[test]
    fn test_modules_in_their_own_files_are_found() {
        let text = "#[cfg(test)]\nmod tests;\n";
        assert_eq!(Source::parse("a/src/lib.rs", text).test_modules, ["a/src/tests"]);
        assert_eq!(Source::parse("a/src/b.rs", text).test_modules, ["a/src/b/tests"]);
    }

    #[test]
    fn what_cannot_be_parsed_says_where() {
        assert_eq!(Source::parse("a.rs", "fn a() {}\nfn {\n").unparsed.unwrap().0, 2);
    }
}
