/* Each slot as its state changes, with the counts of its backend. */

#pragma D option quiet

qorb*:::slot-state-change
{
	printf("%s %s slot %d: %s -> %s %s\n", copyinstr(arg2),
	    copyinstr(arg1), arg0, copyinstr(arg3), copyinstr(arg4),
	    copyinstr(arg5));
}
