#define MOELAB_ISA scalar
#include "../isa.inl"
