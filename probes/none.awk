# Makes of the provider's description the header of a build without probes: the
# macros of qorb_probes.h, which do nothing.
#
#     awk -f probes/none.awk probes/qorb.d >qorb_probes.h

BEGIN {
	print "/* Made from probes/qorb.d: no probe is built in. */"
}

# Declarations, each up to its semicolon, whose names follow type or star.
/^[ \t]*probe / {
	is_probe = 1
	text = ""
}

is_probe {
	text = text " " $0
}

is_probe && /;/ {
	is_probe = 0
	name = text
	sub(/^[ \t]*probe /, "", name)
	args = name
	sub(/\(.*/, "", name)
	sub(/^[^(]*\(/, "", args)
	sub(/\).*/, "", args)
	count = split(args, words, ",")
	list = uses = ""
	for (i = 1; i <= count; i++) {
		sub(/.*[ *]/, "", words[i])
		list = list (i > 1 ? ", " : "") words[i]
		uses = uses " (void)(" words[i] ");"
	}
	macro = "QORB_" toupper(name)
	gsub(/__/, "_", macro)
	printf "\n#define %s_ENABLED() 0\n", macro
	printf "#define %s(%s) \\\n\tdo {%s } while (0)\n", macro, list, uses
}
