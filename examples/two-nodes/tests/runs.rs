//! Runs the program, which checks by itself what each step brings.
#![cfg(test)]

use std::process::Command;

#[test]
fn a_session_is_granted_used_and_revoked() {
    let output = Command::new(env!("CARGO_BIN_EXE_two-nodes"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    assert!(
        text.contains("with the session: 200 OK, Welcome, http://127.0.0.1"),
        "{text}"
    );
    assert!(text.contains("after it was revoked: 401"), "{text}");
    assert!(text.contains("for a member of another node: "), "{text}");
}
