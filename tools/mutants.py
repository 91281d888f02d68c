# SPDX-License-Identifier: MIT
"""Small changes to C text: mutants_of() finds every place in the bodies of functions where one of
the operators applies. Comments, strings, preprocessor lines, assertions and what stands outside of
functions are left alone."""
import collections
import re

# text[start:end] becomes `after`; before_line and after_line are for those who read the report.
Mutant = collections.namedtuple(
    "Mutant", "file line column operator start end after before_line after_line")
Token = collections.namedtuple("Token", "kind text start end")

TOKEN = re.compile(r"""
    (?P<skip>/\*.*?\*/|//[^\n]*|^[ \t]*\#(?:[^\n]*\\\n)*[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<mark><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[^\s\w])
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

TURNED = {"==": ["!="], "!=": ["=="], "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="],
          ">=": [">", "<"]}
EXCHANGED = {"logic": {"&&": "||", "||": "&&"}, "step": {"++": "--", "--": "++"},
             "sum": {"+": "-", "-": "+", "+=": "-=", "-=": "+="},
             "constant": {"0": "1", "1": "0", "true": "false", "false": "true"}}
KEYWORDS = {"if", "else", "while", "for", "do", "switch", "case", "default", "return", "sizeof",
            "goto", "break", "continue"}
TYPES = {"int", "long", "short", "char", "unsigned", "signed", "double", "float", "void"}


def tokens_of(text):
    return [Token(match.lastgroup, match.group(), match.start(), match.end())
            for match in TOKEN.finditer(text) if match.lastgroup != "skip"]


def partners_of(tokens):
    """The index of the closing bracket for each opening one, and the other way round."""
    partners, open_ones = {}, []
    for i, token in enumerate(tokens):
        if token.text in "([{" and token.kind == "mark":
            open_ones.append(i)
        elif token.text in ")]}" and token.kind == "mark" and open_ones:
            partners[i] = open_ones.pop()
            partners[partners[i]] = i
    return partners


class Finder:
    """Looks for mutants in one file."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        self.tokens = tokens_of(text)
        self.partners = partners_of(self.tokens)
        self.found = []

    def find(self):
        i = 0
        while i < len(self.tokens):
            token = self.tokens[i]
            if token.text == "{" and i > 0:
                end = self.partners.get(i, len(self.tokens))
                if self.tokens[i - 1].text == ")":
                    self.look_into(i, end)
                i = end
            i += 1
        return sorted(self.found, key=lambda m: (m.start, m.operator, m.after))

    def look_into(self, first, last):
        i = first + 1
        while i < last:
            if self.tokens[i].text in ("assert", "_Static_assert", "static_assert"):
                i = self.partners.get(i + 1, i)
            else:
                self.look_at(i)
            i += 1

    def look_at(self, i):
        token, before = self.tokens[i], self.tokens[i - 1]
        if token.kind == "string":
            return
        for after in TURNED.get(token.text, ()):
            self.add("compare", i, i, after)
        for operator, pairs in EXCHANGED.items():
            if token.text in pairs and self.applies(operator, i, before):
                self.add(operator, i, i, pairs[token.text])
        if token.text in ("if", "while"):
            self.look_at_condition(token.text, i + 1)
        if token.text == "break":
            self.add("break", i, i, "")
        if token.text == "return" and self.tokens[i + 1].kind == "word" \
                and self.tokens[i + 2].text == ";" \
                and self.tokens[i + 1].text not in ("true", "false", "NULL"):
            self.add("return", i + 1, i + 1, "0")
        end = self.end_of_call(i)
        if end:
            self.add("call", i, end, "(void)0")

    def applies(self, operator, i, before):
        if operator == "constant":
            return before.text != "case"
        if operator == "logic":
            return self.is_operand(i - 1)
        return operator != "sum" or len(self.tokens[i].text) == 2 or self.is_operand(i - 1)

    def is_operand(self, i):
        """Whether what ends here is a value, so that an operator after it is a binary one."""
        token = self.tokens[i]
        if token.text == ")":
            first = self.tokens[self.partners.get(i, i - 1) + 1].text
            return first not in TYPES and not first.endswith("_t")
        return token.text == "]" or token.kind in ("number", "string") or \
            token.kind == "word" and token.text not in KEYWORDS

    def look_at_condition(self, keyword, opening):
        closing = self.partners.get(opening)
        if self.tokens[opening].text != "(" or closing is None:
            return
        marks = [token.text for token in self.tokens[opening + 1:closing]]
        if marks not in (["0"], ["1"], ["true"], ["false"]):
            self.add("never", opening + 1, closing - 1, "0")
        turned = sum(mark in TURNED for mark in marks)
        if keyword == "if" and not (turned == 1 and not {"&&", "||", "!", "?"} & set(marks)):
            self.add("negated", opening + 1, closing - 1,
                     f"!({self.between(opening + 1, closing - 1)})")

    def begins_statement(self, i):
        before = self.tokens[i - 1]
        if before.text in (";", "{", "}", "else", "do"):
            return True
        if before.text == ")":
            opening = self.partners.get(i - 1, 0)
            return self.tokens[opening - 1].text in ("if", "while", "for", "switch")
        if before.text != ":":
            return False
        k = i - 2
        while k > 0 and self.tokens[k].text not in (";", "{", "}", "?"):
            if self.tokens[k].text in ("case", "default"):
                return True
            k -= 1
        return k == i - 3 and self.tokens[k].text != "?"  # a label

    def end_of_call(self, i):
        """The index of the last bracket of a statement that is a call and begins here."""
        if not self.begins_statement(i):
            return None
        if [token.text for token in self.tokens[i:i + 3]] == ["(", "void", ")"]:
            i += 3
        if self.tokens[i].kind != "word" or self.tokens[i].text in KEYWORDS:
            return None
        i += 1
        while self.tokens[i].text in ("->", ".", "["):
            i = self.partners[i] + 1 if self.tokens[i].text == "[" else i + 2
        closing = self.partners.get(i) if self.tokens[i].text == "(" else None
        return closing if closing and self.tokens[closing + 1].text == ";" else None

    def between(self, first, last):
        return self.text[self.tokens[first].start:self.tokens[last].end]

    def add(self, operator, first, last, after):
        start, end = self.tokens[first].start, self.tokens[last].end
        head = self.text.rfind("\n", 0, start) + 1
        tail = self.text.find("\n", end)
        tail = len(self.text) if tail < 0 else tail
        show = lambda text: re.sub(r"\s+", " ", text).strip()
        self.found.append(Mutant(
            self.name, self.text.count("\n", 0, start) + 1, start - head + 1, operator, start, end,
            after, show(self.text[head:tail]),
            show(self.text[head:start] + after + self.text[end:tail])))


def mutants_of(name, text):
    """Every mutant of a file, in the order of the text."""
    return Finder(name, text).find()


def mutated(text, mutant):
    return text[:mutant.start] + mutant.after + text[mutant.end:]
