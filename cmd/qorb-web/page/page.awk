# Puts the page together: a line `@include NAME` of index.html becomes the file
# of that name beside it.
#
#     awk -f page.awk index.html >page.html

FNR == 1 {
	folder = FILENAME
	sub(/[^\/]*$/, "", folder)
}
$1 != "@include" {
	print
	next
}
{
	lines = 0
	while ((getline line <(folder $2)) > 0) {
		print line
		lines++
	}
	if (lines == 0) {
		print "page.awk: " folder $2 " is missing or empty" \
		    >"/dev/stderr"
		exit 1
	}
}
