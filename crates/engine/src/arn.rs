//! ARNs and names of executions.

/// The ARN of a Standard execution of the state machine of this ARN and name.
pub fn of_execution(state_machine_arn: &str, state_machine_name: &str, name: &str) -> String {
    format!("{}:execution:{state_machine_name}:{name}", owner(state_machine_arn))
}

/// The ARN of an Express execution. Names may be used again; `unique` tells them apart.
pub fn of_express(state_machine_arn: &str, state_machine_name: &str, name: &str, unique: &str) -> String {
    format!("{}:express:{state_machine_name}:{name}:{unique}", owner(state_machine_arn))
}

/// Whether AWS takes this as the name of a state machine, an execution or an activity.
pub fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.encode_utf16().count()) && !name.chars().any(is_forbidden)
}

/// Characters of a name, in the API's model.
const NAME_MAX: usize = 80;

fn is_forbidden(character: char) -> bool {
    character.is_whitespace()
        || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(character)
        || matches!(character, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}'..='\u{ffff}' | '\u{10ffff}')
}

/// `arn:aws:states:<region>:<account>` of an ARN.
fn owner(arn: &str) -> &str {
    arn.match_indices(':').nth(4).map_or(arn, |(end, _)| &arn[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_aws_refuses_are_refused() {
        let too_long = "n".repeat(81);
        for name in [
            "", "a b", "a<b", "a{b", "a?", "*", "a\"", "#", "%", "\\", "^", "|", "~", "`", "$", "&", ",",
            ";", ":", "/", "\u{85}", &too_long,
        ] {
            assert!(!is_name(name), "{name:?}");
        }
        for name in ["a", "A-b_c.d", "größe", "a@b", "a+b=c!", "(x)", "'", &too_long[1..]] {
            assert!(is_name(name), "{name:?}");
        }
    }

    #[test]
    fn an_execution_is_its_state_machines() {
        let machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:photos";
        let owner = "arn:aws:states:eu-west-1:123456789012";
        assert_eq!(of_execution(machine, "photos", "e"), format!("{owner}:execution:photos:e"));
        assert_eq!(of_express(machine, "photos", "e", "u"), format!("{owner}:express:photos:e:u"));
    }
}
