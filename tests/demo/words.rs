//! What the demo prints before it begins and after it has ended.

use std::fmt::Display;

/// What the demo is going to do, and how long each step takes.
pub(crate) fn plan(control_plane: &impl Display) -> String {
    format!(
        "What this does:\n  \
         1. build the operator; seconds, because cargo has compiled its libraries\n  \
         2. start a control plane: {control_plane}\n  \
         3. show remediations that the operator mirrors from a simulated Together API; about 40 s\n"
    )
}

/// What to try after the demo.
pub(crate) fn next(once: bool) -> String {
    let look = "  cargo demo               the same without an end: look around with kubectl\n";
    format!(
        "\nWhat next:\n{}  \
         docs/try/up              the same in your kind cluster, without an account\n  \
         docs/guides/install.md   install it in a cluster, with your Together API key",
        if once { look } else { "" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_names_the_way_to_a_control_plane() {
        let plan = plan(&"programs built earlier; about 10 s");
        assert!(plan.contains("control plane: programs built earlier; about 10 s\n"));
        let steps: Vec<_> = plan.lines().filter(|line| line.contains(". ")).collect();
        assert_eq!(steps.len(), 3, "{plan}");
    }

    #[test]
    fn the_demo_that_has_no_end_is_what_to_try_after_the_one_that_ends() {
        assert!(next(true).contains("  cargo demo "));
        assert!(!next(false).contains("  cargo demo "));
        for page in ["docs/try/up", "docs/guides/install.md"] {
            assert!(next(true).contains(page) && next(false).contains(page));
        }
    }
}
