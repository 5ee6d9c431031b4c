export { field } from './names.ts'
