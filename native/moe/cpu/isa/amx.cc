#define MOELAB_ISA amx
#include "../isa.inl"
