/* Which backend each claim is given. */

#pragma D option quiet

qorb*:::handle-claimed
{
	printf("claimed %s\n", copyinstr(arg1));
}
