#include "lintorch/models/umt5/prompt_cleaning.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

using namespace lintorch;
using umt5::clean_prompt;
using umt5::unescape_html;

TEST_CASE("clean_prompt unescapes twice, collapses white space and strips", "[prompt_cleaning]") {
  CHECK(clean_prompt("  a \t\n red\r\n ball  ") == "a red ball");
  CHECK(clean_prompt("") == "");
  CHECK(clean_prompt(" \n ") == "");
  CHECK(clean_prompt("&amp;lt;b&amp;gt;") == "<b>");
  CHECK(clean_prompt("&amp;amp;lt;") == "&lt;");
  CHECK(clean_prompt("&nbsp;a&nbsp;&emsp;b&#32;") == "a b");
}

TEST_CASE("clean_prompt knows the white space of Unicode and keeps other text", "[prompt_cleaning]") {
  CHECK(clean_prompt("\u3000一只猫\u2003\u00a0在跑\u2028\u1680") == "一只猫 在跑");
  // White space of the package regex, not of Python itself: FS to US are only stripped at the ends.
  CHECK(clean_prompt("a\x1c\x1f\u0085z") == "a\x1c\x1f z");
  CHECK(clean_prompt(" \x1c \x1f foo \x1d\n\x1e") == "foo");
  CHECK(clean_prompt("zero\u200bwidth \xF0\x9F\x90\xB1") == "zero\u200bwidth \xF0\x9F\x90\xB1");
}

// Expected values: Python 3.11 html.unescape.
TEST_CASE("unescape_html agrees with html.unescape", "[prompt_cleaning]") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain", "plain"},
      {"&", "&"},
      {"&&amp;&", "&&&"},
      {"a & b", "a & b"},
      {"&lt;&gt;&quot;&apos;&AMP;", "<>\"'&"},
      {"&eacute;&Eacute;&hellip;&alpha;&hearts;&lang;", "éÉ…α♥⟨"},
      {"&copy 2024 &eacutex &notit; &notin; &alpha", "© 2024 éx ¬it; ∉ &alpha"},
      {"&apos", "&apos"},
      {"&ampersand;", "&ersand;"},
      {"&nosuch; &1; &;", "&nosuch; &1; &;"},
      {"&#65;&#x42;&#X43&#0068", "ABCD"},
      {"&#128;&#x99;", "€™"},
      {"&#0;&#xD800;&#99999999999;", "\uFFFD\uFFFD\uFFFD"},
      {"a&#1;b&#xFFFF;c&#x7f;d", "abcd"},
      {"&#; &#x; &#xg; &#a", "&#; &#x; &#xg; &#a"},
      {"&#x1F431;", "\xF0\x9F\x90\xB1"}};
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    CHECK(unescape_html(text) == expected);
  }
}

TEST_CASE("clean_prompt refuses text that is not UTF-8", "[prompt_cleaning]") {
  for (const char* text :
       {"\xff", "caf\xe9", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xf8\x88\x80\x80\x80"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(clean_prompt(text), Error);
  }
}
