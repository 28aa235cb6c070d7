/* Which backend each claim was given. */

#pragma D option quiet

qorb*:::handle-claimed
{
	printf("claimed %s\n", copyinstr(arg1));
}
