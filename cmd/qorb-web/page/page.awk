# Puts the page together: index.html with style.css and script.js in the places
# of @STYLE@ and @SCRIPT@, which may stand anywhere in a line.
#
#     awk -f page.awk style.css script.js index.html >page.html

FNR == 1 {
	name = FILENAME
	sub(/^.*\//, "", name)
}
name != "index.html" {
	text[name] = text[name] $0 "\n"
	next
}
{ print fill(fill($0, "@STYLE@", text["style.css"]), "@SCRIPT@",
    text["script.js"]) }

# Not gsub, for which & and \ in a text would be more than what they are.
function fill(line, word, with,    at)
{
	at = index(line, word)
	return at == 0 ? line : substr(line, 1, at - 1) with \
	    substr(line, at + length(word))
}
