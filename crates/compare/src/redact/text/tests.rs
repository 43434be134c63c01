use super::*;

fn clean(text: &str) -> String {
    let names = ["$..password", "$..token"].map(str::to_owned);
    let redactor = Redactor::compile(&[], &names).unwrap();
    String::from_utf8(redact(&redactor, Kind::Lines, text.as_bytes()).into_owned()).unwrap()
}

#[test]
fn values_by_how_they_end() {
    for (text, expected) in [
        // To the end of the line, where nothing encloses the value.
        ("a\nPassword: correct horse\nb", "a\nPassword: [redacted]\nb"),
        ("password = a&b;c \"d\"\nb", "password = [redacted]\nb"),
        ("level=info password=x user=jo\nb", "level=info password=[redacted]\nb"),
        ("Server=h;password=x y;Pool=1", "Server=h;password=[redacted]"),
        ("**Password**: x", "**Password**: [redacted]"),
        ("user.password=x", "user.password=[redacted]"),
        ("password := x", "password := [redacted]"),
        ("params[:password] => x", "params[:password] => [redacted]"),
        // To the quote that closes it.
        (
            "var a = {\"password\": \"x\\\"y\", \"n\": 1}",
            "var a = {\"password\": \"[redacted]\", \"n\": 1}",
        ),
        ("{'password' : 'it''s', n: 1}", "{'password' : '[redacted]', n: 1}"),
        (
            "'{\\\"password\\\":\\\"x\\\",\\\"n\\\":1}'",
            "'{\\\"password\\\":\\\"[redacted]\\\",\\\"n\\\":1}'",
        ),
        ("password=\"x y\" user=jo", "password=\"[redacted]\" user=jo"),
        (
            "password=\"\"\"x \"y\" z\"\"\" user=jo",
            "password=\"\"\"[redacted]\"\"\" user=jo",
        ),
        (
            "{&quot;password&quot;:&quot;x&quot;,n}",
            "{&quot;password&quot;:&quot;[redacted]&quot;,n}",
        ),
        ("password: \"never closed\nx", "password: \"[redacted]"),
        (
            "say \"password=x y\" and go on",
            "say \"password=[redacted]\" and go on",
        ),
        // To the bracket.
        ("password: {\"a\": [1, \"}\"]} b", "password: [redacted] b"),
        ("token=[1,2] b", "token=[redacted] b"),
        ("password: {\"a\": 1", "password: [redacted]"),
        // A parameter of a URL.
        ("see /a?token=x&b=1 for", "see /a?token=[redacted]&b=1 for"),
        (
            "<a href=\"/a?b=1&amp;token=x&amp;c=1\">",
            "<a href=\"/a?b=1&amp;token=[redacted]&amp;c=1\">",
        ),
        (
            "http://jo:x@h/ and redis://:x@h",
            "http://[redacted]@h/ and redis://[redacted]@h",
        ),
        // The lines below.
        (
            "a: 1\npassword: |\n  x\n\n  y\nb: 1",
            "a: 1\npassword: [redacted]\nb: 1",
        ),
        ("  password:\n    - x\n    - y\n  b: 1", "  password:[redacted]\n  b: 1"),
    ] {
        assert_eq!(clean(text), expected, "{text}");
    }
}

#[test]
fn markup() {
    for (text, expected) in [
        (
            "<user><password>x</password></user>",
            "<user><password>[redacted]</password></user>",
        ),
        (
            "<password>\n x\n</password>\n<a>1</a>",
            "<password>[redacted]</password>\n<a>1</a>",
        ),
        (
            "<ns:Password a=\"x\">y</ns:Password><b/>",
            "<ns:Password [redacted]>[redacted]</ns:Password><b/>",
        ),
        (
            "<password><password>x</password>y</password>z",
            "<password>[redacted]</password>z",
        ),
        ("<password><v>x</v></password>", "<password>[redacted]</password>"),
        ("<password value='x>y'/><b>z</b>", "<password [redacted]/><b>z</b>"),
        ("<password>x", "<password>[redacted]"),
        ("<password><![CDATA[x]]></password>", "<password>[redacted]</password>"),
        (
            "<user name='jo' password='x'/>",
            "<user name='jo' password='[redacted]'/>",
        ),
        (
            "<p><input value=\"x\" name=\"password\"> <b>z</b>",
            "<p><input [redacted]> <b>z</b>",
        ),
        ("<input name=\"user[password]\" value=\"x\">", "<input [redacted]>"),
        ("<input name=password value=x><b>z", "<input [redacted]><b>z"),
        (
            "<s name=\"password\">x</s><s name=\"a\">1</s>",
            "<s [redacted]>[redacted]</s><s name=\"a\">1</s>",
        ),
        (
            "<key>password</key><string>x</string><b>1</b>",
            "<key>password</key><string>[redacted]</string><b>1</b>",
        ),
        (
            "<tr><td> Password: </td>\n<td>x</td></tr>",
            "<tr><td> Password: </td>\n<td>[redacted]</td></tr>",
        ),
        (
            "<li>Password: x</li><li>b</li>",
            "<li>Password: [redacted]</li><li>b</li>",
        ),
        ("<b>Password:</b> x <i>y</i>", "<b>Password:</b> [redacted]<i>y</i>"),
        (
            "<a title=\"a > b\" href='?token=x'>y</a>",
            "<a title=\"a > b\" href='?token=[redacted]'>y</a>",
        ),
        (
            "<script>var token = 'x';</script>",
            "<script>var token = '[redacted]';</script>",
        ),
    ] {
        assert_eq!(clean(text), expected, "{text}");
    }
}

#[test]
fn what_names_no_value_stays() {
    for text in [
        "Forgot your password? Click here.",
        "<a href=\"/password/reset\">Forgot password?</a>",
        "passwords: 2, password_length: 8, a-token: x, xtoken=1",
        "<passwords>2</passwords></password>",
        "a < b password",
        "mail jo@example.org // see jo@example.org",
        "",
    ] {
        assert_eq!(clean(text), text);
    }
}

#[test]
fn nothing_takes_more_than_linear_time() {
    // A megabyte each of what would make a scan start over and over; seconds at most, hours if it were square.
    for part in [
        "<password>",
        "password ",
        "<p name=\"password\">",
        "password=\"",
        "<a password='",
        "//",
        "\"password",
        "<input password>",
        "password=\n ",
        "password: {",
        "<td>password</td>",
        "?token=&",
        "<password></password>",
        "password='' ",
    ] {
        clean(&part.repeat(1_000_000 / part.len()));
    }
}

#[test]
fn all_bytes_are_fine() {
    let redactor = Redactor::compile(&[], &["$..token".to_owned()]).unwrap();
    let found = redact(&redactor, Kind::Lines, b"\xff\xfetoken=\xff\xfe\n\x80");
    assert_eq!(found.as_ref(), b"\xff\xfetoken=\xff\xfe\n\x80", "part of a longer word");
    let found = redact(&redactor, Kind::Lines, b"\xff token=\xff\xfe\n\x80");
    assert_eq!(found.as_ref(), b"\xff token=[redacted]\n\x80");
}
