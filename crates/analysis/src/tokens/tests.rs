use super::*;

/// The tokens, spelled with spaces between them; `NL`, `>` and `<` for new lines and blocks.
fn spelled(source: &str) -> String {
    let words = read(source).unwrap().into_iter().map(|(token, _)| match token {
        Tok::Name { name } => name.replace('\0', "$"),
        Tok::Int { value } => value.to_string(),
        Tok::Float { value } => format!("{value:?}"),
        Tok::String { value, .. } => format!("{value:?}"),
        Tok::Newline => "NL".to_owned(),
        Tok::Indent => ">".to_owned(),
        Tok::Dedent => "<".to_owned(),
        Tok::Match => "match!".to_owned(),
        Tok::Case => "case!".to_owned(),
        Tok::Type => "type!".to_owned(),
        other => other.to_string().trim_matches('\'').to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn f_strings_become_calls_with_their_expressions() {
    for (source, tokens) in [
        (r#"f"{d["a"]}""#, r#"$fstring ( ( d [ "a" ] ) , ) NL"#),
        ("f'a {{b}} {x!r:>{w}.{p}} c'", "$fstring ( ( x ) , ( w ) , ( p ) , ) NL"),
        ("f'{x = }{y=!r}{z=:>5}'", "$fstring ( ( x ) , ( y ) , ( z ) , ) NL"),
        ("f'{a != b}{c:=5}{(d := 1)}'", "$fstring ( ( a != b ) , ( c ) , ( ( d := 1 ) ) , ) NL"),
        ("f'''{\nx # }'''\n}'''", "$fstring ( ( x ) , ) NL"),
        ("f'{f'{f'{x}'}'}'", "$fstring ( ( $fstring ( ( $fstring ( ( x ) , ) ) , ) ) , ) NL"),
        (r"f'\{x}\N{DASH}\'{y}'", "$fstring ( ( x ) , ( y ) , ) NL"),
        (r"rf'\N{x}\{y}'", "$fstring ( ( x ) , ( y ) , ) NL"),
        ("'a' 'b' f'{x}' 'c' f'{y}' 'd' + z", r#"$fstring ( "a" "b" , ( x ) , "c" , ( y ) , "d" , ) + z NL"#),
        ("f'{x}' f'{'y'}'", r#"$fstring ( ( x ) , ( "y" ) , ) NL"#),
        ("f'{x}'\nf'{y}'", "$fstring ( ( x ) , ) NL $fstring ( ( y ) , ) NL"),
        ("t'{x}' t'{y}'", "$template ( ( x ) , ( y ) , ) NL"),
        ("f'{ {1: 2}[1] }'", "$fstring ( ( { 1 : 2 } [ 1 ] ) , ) NL"),
        ("f'{lambda}'", "$fstring ( ( lambda ) , ) NL"),
        ("F'''{x:\n}'''", "$fstring ( ( x ) , ) NL"),
    ] {
        assert_eq!(spelled(source), tokens, "{source}");
    }
}

#[test]
fn lines_and_blocks_are_those_of_python() {
    for (source, tokens) in [
        ("x = 1 # note \ry()", "x = 1 NL y ( ) NL"),
        ("if 1:\n\x0c    y()", "if 1 : NL > y ( ) NL <"),
        ("if 1:\r\n\ty\r\n# z\r\n\r\nz", "if 1 : NL > y NL < z NL"),
        ("x = (1 +\n # c\n 2)", "x = ( 1 + 2 ) NL"),
        ("x = 1 + \\\n  2\n", "x = 1 + 2 NL"),
        ("\n\n# only\n", ""),
        ("if 1:\n  if 2:\n    x\n", "if 1 : NL > if 2 : NL > x NL < <"),
        ("\\\nx\n \\\n\ny", "x NL y NL"),
        ("if 1:\n    x\n    \\\n  \\\n      y\nz", "if 1 : NL > x NL y NL < z NL"),
        ("if 1:\n\t\\\n x\n        y", "if 1 : NL > x NL y NL <"),
        ("\\\n  x", "> x NL <"),
    ] {
        let tokens = tokens.trim();
        assert_eq!(spelled(source).trim(), tokens, "{source:?}");
    }
}

#[test]
fn words_are_compared_as_python_compares_them() {
    assert_eq!(spelled("ｙｏｕｔｕｂｅ.ｄｅｌｅｔｅ_video"), "youtube . delete_video NL");
    assert_eq!(spelled("𝑒val(𝐢𝐟)"), "eval ( if ) NL");
    assert_eq!(spelled("rb'a'; Rf'{x}'; ub"), r#""a" ; $fstring ( ( x ) , ) ; ub NL"#);
    assert!(matches!(read("𝐢𝐟").unwrap()[0].0, Tok::Name { .. }));
    assert!(matches!(read("if").unwrap()[0].0, Tok::If));
}

#[test]
fn soft_keywords_are_keywords_where_they_can_be_nothing_else() {
    for (source, tokens) in [
        (
            "match x:\n case 1: pass\n case case: case = 1",
            "match! x : NL > case! 1 : pass NL case! case : case = 1 NL <",
        ),
        ("match = 1\nmatch(x)\nmatch.x = {1: 2}", "match = 1 NL match ( x ) NL match . x = { 1 : 2 } NL"),
        ("match x:\n case 1:\n  case(2)", "match! x : NL > case! 1 : NL > case ( 2 ) NL < <"),
        ("type X = int; type(x); type = 1", "type! X = int ; type ( x ) ; type = 1 NL"),
        ("ｍatch x:\n y", "match x : NL > y NL <"),
    ] {
        assert_eq!(spelled(source), tokens, "{source}");
    }
}

#[test]
fn several_exceptions_get_the_parentheses_that_they_may_lack() {
    assert_eq!(spelled("except A, B.c(d, e):"), "except ( A , B . c ( d , e ) ) : NL");
    assert_eq!(spelled("except* A, B: x"), "except * ( A , B ) : x NL");
    assert_eq!(spelled("except (A, B) as e:"), "except ( A , B ) as e : NL");
}

#[test]
fn defaults_of_type_parameters_are_bounds_of_parameters_without_names() {
    for (source, tokens) in [
        ("def f[T = 1](): x", "def f [ T , $default : ( 1 , ) ] ( ) : x NL"),
        (
            "class C[T: a = b, *U = *c, **P = [d, e],]: x",
            "class C [ T : a , $default : ( b , ) , * U , $default : ( * c , ) , ** P , $default : ( [ d , e ] , ) , ] : x NL",
        ),
        ("type X[T = lambda a, b=1: 0] = T", "type! X [ T , $default : ( lambda a , b = 1 : 0 , ) ] = T NL"),
        (
            "def f[T: lambda a=1: 0 = g(x=1)](): x",
            "def f [ T : lambda a = 1 : 0 , $default : ( g ( x = 1 ) , ) ] ( ) : x NL",
        ),
        ("def f[T](a=1): x[b] = c", "def f [ T ] ( a = 1 ) : x [ b ] = c NL"),
        ("type X = y[z]; x[T] = 1", "type! X = y [ z ] ; x [ T ] = 1 NL"),
    ] {
        assert_eq!(spelled(source), tokens, "{source}");
    }
}

#[test]
fn numbers_end_where_pythons_do() {
    assert_eq!(spelled("1_000 0x_fF 0b1 0o7 00 1. .5 1e5 1.5e-3 1_0.0_1"), {
        "1000 255 1 7 0 1.0 0.5 100000.0 0.0015 10.01 NL"
    });
    assert_eq!(spelled("1if x else y"), "1 if x else y NL");
    assert_eq!(spelled("0x1for x in y"), "31 or x in y NL");
}

#[test]
fn unknown_syntax_is_not_read() {
    let sources = [
        "f'{x",
        "f'{x'",
        "f'{x:'",
        "f'{x}}'",
        "f'}'",
        "f'{x!z}'",
        "f'{x!r z}'",
        "f'{x=y}'",
        "f'{x:{{y}}}'",
        "f'{x:\n}'",
        "f'a\n'",
        "'a\n'",
        "'",
        "'''",
        "\"a",
        "(",
        ")",
        "(]",
        "f'{(}'",
        "f'{)}'",
        "1__0",
        "0777",
        "0x",
        "1e+",
        "1_",
        "1x",
        "1.real",
        "0b2",
        "$",
        "?",
        "`",
        "!",
        "\0",
        "a\u{a0}b",
        "\u{feff}x",
        "x\\ y",
        "x\\",
        "\\\n",
        "  \\",
        "if x:\n  \\\n",
        "if 1:\n  x\n y",
        "if 1:\n        x\n\ty",
        "if 1:\n\tx\n        y",
        "f'{x}' t'{y}'",
        r"f'\N{LATIN'",
        "€",
    ];
    for source in sources {
        assert!(read(source).is_err(), "{source:?}: {}", spelled(source));
    }
}
