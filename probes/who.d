/* Who claims: pool, pid and program, with the number of claims. */

#pragma D option quiet

qorb*:::client-claim
{
	@claims[copyinstr(arg1), arg2, copyinstr(arg3)] = count();
}
